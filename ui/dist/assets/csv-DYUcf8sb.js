function e(e){let t=e=>{let t=e===null?``:String(e);return/[",\r\n]/.test(t)?`"${t.replace(/"/g,`""`)}"`:t};return e.map(e=>e.map(t).join(`,`)).join(`\r
`)}export{e as t};